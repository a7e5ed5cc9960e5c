create function app_principals() returns text[] language sql stable as $$
  select array(select jsonb_array_elements_text(nullif(current_setting('app.principals', true), '')::jsonb))
$$;

create table note (
  id uuid primary key,
  owner text not null default (app_principals())[1],
  title text not null
);
create index note_owner on note (owner);

alter table note enable row level security;
alter table note force row level security;

-- The inner `select` makes it one call per statement instead of one per row, and allows the index to be used.
create policy note_owner on note
  using (owner = any ((select app_principals())::text[]))
  with check (owner = any ((select app_principals())::text[]));
