import { routesInOneBrowser } from '../support/routes-in-one-browser.ts'
import { test } from '../support/routes.ts'

test.use({ cookieCache: true })

routesInOneBrowser()
