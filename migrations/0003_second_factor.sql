-- How staff prove who they are.
SELECT 1;
