export { checkExternalJwtSecret, readExternalJwtSecret } from './secret.ts'
export type { ExternalJwtSecret, ExternalJwtSecretUse } from './secret.ts'
