/** Drawn on a grid of 16, in the colour of the text beside them, which says the same. */
const PATHS = {
  keep: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  seal: 'M4.5 7V5a3.5 3.5 0 0 1 7 0v2M3 7h10v7H3zM8 9.8v1.6',
  mask: 'M8 2.5v11M3.2 5.2l9.6 5.6M12.8 5.2l-9.6 5.6',
  drop: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4ZM3.7 12.3l8.6-8.6',
  pseudonym: 'M2 4.5c4 1.2 8 1.2 12 0 .4 5-1.6 8-4 8-1 0-1.3-1-2-1s-1 1-2 1c-2.4 0-4.4-3-4-8ZM4.7 7.3h2M9.3 7.3h2',
  all: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  passed: 'M3 8.5 6.5 12 13 4.5',
  failed: 'M4 4l8 8M12 4l-8 8',
  skipped: 'M4 8h8',
  shield: 'M8 1.7 13.5 3.7v4c0 3.3-2.3 5.6-5.5 6.6-3.2-1-5.5-3.3-5.5-6.6v-4ZM5.5 8l1.8 1.8 3.4-3.6',
  key: 'M10.5 8.5a3 3 0 1 0-2.7-1.7L2 12.6V14h2.5v-1.5H6V11h1.3l1.4-1.4c.5.3 1.1.5 1.8.5Z',
  link: 'M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7l-.8.8M9.3 6.7a2.6 2.6 0 0 0-3.7 0L3.3 9a2.6 2.6 0 0 0 3.7 3.7l.8-.8',
  file: 'M4 1.8h5l3.2 3.2v9.2H4ZM8.8 1.8v3.4h3.4',
  arrow: 'M2.5 8h10.5M9 4l4 4-4 4',
  error: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4ZM8 4.7v4M8 11v.3',
  warning: 'M8 2 14.5 13.5h-13ZM8 6.3v3.4M8 11.6v.3',
  note: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4ZM8 7.3v4M8 4.8v.3',
  system: 'M2 3h12v8H2zM5.5 13.5h5M8 11v2.5',
  light: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M3.2 12.8l1.1-1.1M11.7 4.3l1.1-1.1',
  dark: 'M13.5 9.8A5.8 5.8 0 0 1 6.2 2.5a5.8 5.8 0 1 0 7.3 7.3Z',
}

export function Icon({ name, size = 16 }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  )
}

/** The seal of the icon file, as part of the page. */
export function Mark() {
  return (
    <svg viewBox="0 0 28 28" width="30" height="30" aria-hidden="true" focusable="false">
      <rect width="28" height="28" rx="7" fill="#1d4f4a" />
      <g fill="none" stroke="#f4efe4" stroke-width="2.2" stroke-linejoin="round">
        <circle cx="14" cy="12" r="6.5" />
        <path d="M10.5 17.5 8.5 24l5.5-2.6 5.5 2.6-2-6.5" />
      </g>
    </svg>
  )
}
