-- A topic that is made anew counts its offsets from zero again: the message's own time tells its
-- marks from those of the messages that stood there before.

ALTER TABLE outboxd_letter_marks ADD COLUMN message_at_ms INTEGER;
