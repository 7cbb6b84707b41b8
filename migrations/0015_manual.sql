-- Incidents that people open, alerts that people let go or drop, and rules that people change: each needs two of them.
SELECT 1;
