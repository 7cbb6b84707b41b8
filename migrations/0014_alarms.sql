-- Alarms to operators: a feed that went deaf, a report that nobody could read, a message that waits for two people.
SELECT 1;
