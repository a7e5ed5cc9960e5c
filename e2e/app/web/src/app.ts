import type { Auth } from 'latchkey'
import type { Aside } from './aside.ts'
import type { AccountClient } from './auth.ts'
import type { Notebook } from './notes/notebook.ts'
import type { Sync } from './notes/sync.ts'
import type { Route } from './route.ts'

/** Shared by all views. */
export interface App {
  readonly auth: Auth
  readonly account: AccountClient
  readonly notebook: Notebook
  readonly sync: Sync
  readonly route: Route
  readonly aside: Aside
}

/** A part of the page. It renders the current state on each call. */
export interface View {
  render(): void
}
