'use client'

import { useEffect } from 'react'
import { App } from '../components/App.tsx'
import { keepOffline } from '../lib/offline.ts'

export default function Page() {
  useEffect(() => {
    if (process.env.NODE_ENV === 'production') void keepOffline()
  }, [])
  return <App />
}
