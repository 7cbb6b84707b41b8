-- How people enrol.
SELECT 1;
