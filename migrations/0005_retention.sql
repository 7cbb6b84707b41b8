-- What is kept how long.
SELECT 1;
