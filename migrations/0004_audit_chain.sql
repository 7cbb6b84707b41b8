-- The audit log, chained.
SELECT 1;
