/** Keeps the app itself on the device. Without a service worker it works all the same, but not offline. */
export async function keepOffline(): Promise<void> {
  try {
    await navigator.serviceWorker?.register('/sw.js')
  } catch {
    // Blocked, or offline at the very first visit: the next visit tries again.
  }
}
