-- Consent per viewer, worded.
SELECT 1;
