'use client'

import { type ReactNode, useActionState } from 'react'
import { addNote } from './add-note'

export function NoteForm(): ReactNode {
  const [owner, add] = useActionState(addNote, '')
  return (
    <form action={add}>
      <button type="submit">Add a note</button>
      <output data-testid="owner">{owner}</output>
    </form>
  )
}
