/** The three functions of reflect-metadata that @peculiar/x509 wants to find; imported before it. */
const kept = new WeakMap<object, Map<unknown, unknown>>();
const own = (key: unknown, target: object) => kept.get(target)?.get(key);

Object.assign(Reflect, {
  defineMetadata: (key: unknown, value: unknown, target: object) => {
    if (!kept.has(target)) kept.set(target, new Map());
    kept.get(target)!.set(key, value);
  },
  getOwnMetadata: own,
  getMetadata: (key: unknown, target: object) => {
    for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const found = own(key, at);
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
