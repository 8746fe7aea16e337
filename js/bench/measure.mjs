/**
 * Times functions in turns, so that a change of the machine's speed meets all of them alike. `contenders` is an object
 * of functions; each gets about `seconds`. Gives microseconds of one call: `cpu50`, `cpu99` (CPU time of the process, its
 * helpers and garbage collection included), `wall50`, `wall99`, and in `samples` how many there were.
 */
export function measure(contenders, seconds) {
  const plans = Object.entries(contenders).map(([name, work]) => ({ name, work, ...pace(work, seconds), cpu: [], wall: [] }))
  const rounds = Math.max(...plans.map(({ samples }) => samples))
  for (let round = 0; round < rounds; round++) {
    for (const plan of plans) {
      // Spread over the whole run: those with few samples are not all done when it is young.
      const due = Math.ceil(((round + 1) * plan.samples) / rounds)
      if (plan.cpu.length < due) sample(plan)
    }
  }
  return Object.fromEntries(plans.map(({ name, cpu, wall }) => [name, summary(cpu, wall)]))
}

/** Warms up, and finds how often to call between two readings of the clock of the CPU, which counts in microseconds. */
function pace(work, seconds) {
  repeat(work, 150, 5000)
  const each = repeat(work, 10, 50)
  const batch = Math.max(1, Math.round(0.4 / each))
  return { batch, samples: Math.max(5, Math.min(200, Math.floor((seconds * 1000) / (each * batch)))) }
}

/** Calls until so many milliseconds are over or so many calls are made; gives the milliseconds of one. */
function repeat(work, milliseconds, most) {
  const start = performance.now()
  let [calls, took] = [0, 0]
  do {
    work()
    calls++
    took = performance.now() - start
  } while (took < milliseconds && calls < most)
  return took / calls
}

function sample({ work, batch, cpu, wall }) {
  const before = process.cpuUsage()
  for (let i = 0; i < batch; i++) {
    const start = performance.now()
    work()
    wall.push((performance.now() - start) * 1000)
  }
  const { user, system } = process.cpuUsage(before)
  cpu.push((user + system) / batch)
}

function summary(cpu, wall) {
  return { cpu50: percentile(cpu, 0.5), cpu99: percentile(cpu, 0.99), wall50: percentile(wall, 0.5), wall99: percentile(wall, 0.99), samples: cpu.length }
}

function percentile(values, share) {
  values.sort((a, b) => a - b)
  return values[Math.min(values.length - 1, Math.floor(values.length * share))]
}
