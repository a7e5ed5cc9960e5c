import { routesInOneBrowser } from './routes-in-one-browser.ts'
import { test } from './routes.ts'

test.use({ cookieCache: true })

routesInOneBrowser()
