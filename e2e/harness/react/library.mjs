import { StrictMode, createElement } from 'react'
import { flushSync } from 'react-dom'
import { createRoot } from 'react-dom/client'
import * as latchkey from 'latchkey'
import * as binding from 'latchkey/react'

// A page with React and the binding in it, for specs that put their own components together.
Object.assign(globalThis, {
  reactHarness: { ...latchkey, ...binding, StrictMode, createElement, createRoot, flushSync },
})
