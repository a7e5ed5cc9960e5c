import { handleNotes } from '../../../lib/server/notes.ts'
import type { RequestHandler } from './$types'

const handle: RequestHandler = ({ request }) => handleNotes(request)

export { handle as GET, handle as PUT }
