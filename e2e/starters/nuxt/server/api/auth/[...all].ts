import { auth } from '../../lib/auth.ts'

export default defineEventHandler((event) => auth.handler(toWebRequest(event)))
