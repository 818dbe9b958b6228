/** Stands for agent/runner/main.ts where a test needs nothing but a bundle. */
console.log("a runner agent that does nothing");
