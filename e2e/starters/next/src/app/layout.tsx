import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import '../style.css'

export const metadata: Metadata = { title: 'Notes', icons: 'data:,', other: { 'color-scheme': 'light dark' } }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
