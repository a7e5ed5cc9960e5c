export { connectSession } from 'latchkey/session'
