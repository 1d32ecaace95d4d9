/** Runs a piece of work once fewer than a number of others are under way, in the order of the calls. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

export function createTurns(atOnceMax: number): Turns {
  const waiting: (() => void)[] = [];
  let underWay = 0;

  return async (work) => {
    if (underWay === atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else underWay += 1;
    try {
      return await work();
    } finally {
      // Whoever is next takes over the place.
      const next = waiting.shift();
      if (next === undefined) underWay -= 1;
      else next();
    }
  };
}
