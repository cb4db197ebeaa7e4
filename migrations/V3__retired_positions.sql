-- Up to which position events were taken out of the log on purpose. What is missing behind it is missing.

alter table event_head add column retired_to bigint not null default 0;
alter table event_head add constraint event_head_retired_to_check check (retired_to between 0 and position);
