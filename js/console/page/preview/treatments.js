/** The words for what becomes of a field, in the order of how much of it is left. */
export const TREATMENTS = {
  keep: { word: 'kept', means: 'Stored as it is, for everybody who reads the log.' },
  mask: { word: 'masked', means: 'Part of it is replaced for good. Nobody gets it back.' },
  pseudonym: { word: 'pseudonym', means: 'A text that only shows which values were equal.' },
  seal: { word: 'sealed', means: 'Encrypted. Gone for good when the person\'s key is destroyed.' },
  drop: { word: 'dropped', means: 'Not stored at all.' },
}

/** What `default` says is of the images only; for the rest a policy need not say anything. */
const CONTEXT_DEFAULT = { why: 'No rule of the context names it', rule: 'context_default', at: '/context_default', unsaid: 'sealed, as long as the policy has no context_default' }

/**
 * Why a field is treated so, from what the core says: `{ why, rule, at }`, where `rule` is what the policy calls it and
 * `at` a pointer into the policy, if the reason stands there; `unsaid` is for a policy in which it does not.
 */
export function reasonOf(because, isContext) {
  const beside = /^beside a protected value; by itself (\w+) by (.*)$/s.exec(because)
  if (beside) {
    const own = reasonOf(beside[2], isContext)
    return { ...own, why: `As strict as the protected value beside it; by itself ${TREATMENTS[beside[1]]?.word ?? beside[1]} by` }
  }
  const rule = /^(rules|context)\[(\d+)\] /.exec(because)
  if (rule) return { why: 'A rule names it', rule: because, at: `/${rule[1]}/${rule[2]}` }
  if (because === 'default') return isContext ? CONTEXT_DEFAULT : { why: 'No rule names it', rule: 'default', at: '/default' }
  if (because === 'secrets') return { why: 'It looks like a credential or a card number', rule: 'secrets' }
  if (because.startsWith('built-in ')) return { why: 'Every record says it', rule: because }
  return { why: '', rule: because }
}
