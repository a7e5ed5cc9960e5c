import { handleNotes } from '../lib/notes.ts'

export default defineEventHandler((event) => handleNotes(toWebRequest(event)))
