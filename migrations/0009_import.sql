-- Imports that can be taken back.
SELECT 1;
