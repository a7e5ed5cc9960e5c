import { auth } from '../../../../lib/server/auth.ts'
import type { RequestHandler } from './$types'

const handle: RequestHandler = ({ request }) => auth.handler(request)

export { handle as GET, handle as POST }
