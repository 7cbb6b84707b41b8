-- "You have left your company. Keep warnings? Where do you live now?": the message goes out after an organisation has
-- ended a membership (resident.ask_stay_at, 0007). Its claim and its outcome stand on the person's own row: they hold
-- only while the question is open, they go with the person, and every policy of the row holds for them.
--
-- stay_asks: messages that have left (at most two). stay_tries: tries since the last one left. stay_due_at: not looked
-- at again before this; while a message is on its way, the end of the claim. stay_asked_at: when the last one left.
-- stay_channels: the kinds of contact that carried them. stay_outcome: '' nothing tried; 'sending' claimed; 'again'
-- claimed a second time after nobody wrote down what became of the first (a process that was killed: it is not sent a
-- third time); 'sent'; 'retry' a provider failed; 'unreachable' there is no way.

ALTER TABLE resident
    ADD COLUMN stay_asks     smallint NOT NULL DEFAULT 0 CHECK (stay_asks BETWEEN 0 AND 2),
    ADD COLUMN stay_tries    int NOT NULL DEFAULT 0,
    ADD COLUMN stay_due_at   timestamptz,
    ADD COLUMN stay_asked_at timestamptz,
    ADD COLUMN stay_channels text[] NOT NULL DEFAULT '{}',
    ADD COLUMN stay_outcome  text NOT NULL DEFAULT ''
        CHECK (stay_outcome IN ('', 'sending', 'again', 'sent', 'retry', 'unreachable'));
CREATE INDEX resident_to_ask ON resident (ask_stay_at) WHERE ask_stay_at IS NOT NULL AND stay_asks < 2;

-- How many could not be asked: a number for the operator, who sees nobody. Who has left an organisation is on nobody's
-- list any more, so no organisation can be told.
GRANT SELECT (ask_stay_at, stay_outcome) ON resident TO daijobu_operator;

-- Access: resident.stay_*: person and worker as the rest of the row; operator ask_stay_at and stay_outcome (counted).
