import { Hono } from 'hono'
import { auth } from './auth.ts'
import { handleNotes } from './notes.ts'

export const app = new Hono()
  .on(['GET', 'POST'], '/api/auth/*', ({ req }) => auth.handler(req.raw))
  .on(['GET', 'PUT'], '/api/notes', ({ req }) => handleNotes(req.raw))
  .all('/api/*', (context) => context.json({ error: 'NOT_FOUND' }, 404))
