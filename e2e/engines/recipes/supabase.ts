import { type SupabaseClient, createClient } from '@supabase/supabase-js'
import type { Auth } from 'latchkey'
import { tokenFor } from 'latchkey/session'

const PROJECT = 'https://project.supabase.example'

export const openSupabase = (auth: Auth, key: string): SupabaseClient =>
  createClient(PROJECT, key, { accessToken: tokenFor(auth, { audience: PROJECT, onOffline: 'throw' }) })
