-- Several data keys at once.
SELECT 1;
