import { handleNotes } from '../../../server/notes.ts'

export { handleNotes as GET, handleNotes as PUT }
