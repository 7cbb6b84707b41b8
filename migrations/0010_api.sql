-- Tokens and webhooks of organisations.
SELECT 1;
