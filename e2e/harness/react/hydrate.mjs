import { StrictMode, createElement } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { App, auth } from './app.mjs'

// `?late`: the identity stands before React looks at the page for the first time.
if (location.search === '?late') await auth.ready
hydrateRoot(document.querySelector('#root'), createElement(StrictMode, null, createElement(App)))
