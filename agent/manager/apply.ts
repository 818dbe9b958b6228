/**
 * The only writer of the world: what each fact changes. Pure and total; unknown machines are ignored, for facts may
 * arrive late or twice. An unchanged part keeps its identity, so that a fact without news is seen as such.
 */
import { demandSeen } from "./apply/demand.ts";
import { destroyAsked, launched, launchRepeated, launchSent, launchUnknown } from "./apply/launches.ts";
import { listed } from "./apply/listed.ts";
import * as losses from "./apply/losses.ts";
import { changed, end, forgetFinished } from "./apply/machine.ts";
import * as registration from "./apply/registration.ts";
import { enrolled, synced } from "./apply/synced.ts";
import { closed, githubScope } from "./circuit.ts";
import type { Limits } from "./limits.ts";
import type { Fact } from "./facts.ts";
import type { Ms, PoolName, View, ViewKey, World } from "./world.ts";
import { circuitKey } from "./world.ts";

export function apply(world: World, fact: Fact, now: Ms, limits: Limits): World {
  switch (fact.is) {
    case "settings-changed":
      return losses.withoutUnwanted(settingsChanged(world, fact), now);
    case "offers-changed":
      return same(world.offers, fact.offers) ? world : { ...world, offers: fact.offers };
    case "draining":
      return draining(world, fact.on, fact.pools ?? null);
    case "listed":
      return losses.tidied(
        forgetFinished(
          viewed(listed(world, fact, now, limits), `backend:${fact.backend}`, fact.startedMs),
          now,
          limits,
        ),
        now,
        limits,
      );
    case "list-failed":
      return stale(world, `backend:${fact.backend}`, fact.failure.detail);
    case "launch-sent":
      return launchSent(world, fact, now, limits);
    case "launch-repeated":
      return launchRepeated(world, fact, now);
    case "launched":
      return launched(world, fact, now, limits);
    case "launch-unknown":
      return launchUnknown(world, fact, now, limits);
    case "destroy-asked":
      return destroyAsked(world, fact, now);
    case "destroyed":
      return world; // asked is not gone: absence from the next list is
    case "destroy-failed":
      return world;
    case "enrolled":
      return enrolled(world, fact, now, limits);
    case "synced":
      return synced(world, fact, now, limits);
    case "demand-seen": {
      const seen = viewed(demandSeen(world, fact, now, limits), `demand:${fact.pool}`, now);
      // A finished machine may have waited only for GitHub to say that its job began.
      const next = fact.news.length > 0 ? forgetFinished(seen, now, limits) : seen;
      const answered = circuitKey(githubScope(fact.pool));
      return {
        ...next,
        circuits: closed(next.circuits, (key, circuit) => key !== answered || now < circuit.untilMs),
      };
    }
    case "demand-failed":
      // A pool that cannot be heard is not launched for: its view says why, and one answer is the cure.
      return stale(world, `demand:${fact.pool}`, fact.failure.detail);
    case "access-seen":
      return accessSeen(world, fact);
    case "credential-seen":
      return same(world.credential, fact.credential) ? world : { ...world, credential: fact.credential };
    case "mint-asked":
      return registration.mintAsked(world, fact, now);
    case "minted":
      return registration.minted(world, fact, now);
    case "mint-failed":
      return registration.mintFailed(world, fact, now, limits);
    case "config-lost":
      return registration.configLost(world, fact, now);
    case "retire-asked":
      return registration.retireAsked(world, fact, now);
    case "remove-asked":
      return registration.removeAsked(world, fact, now);
    case "runner-removed":
      return forgetFinished(registration.runnerRemoved(world, fact, now, limits), now, limits);
    case "remove-failed":
      return registration.removeFailed(world, fact, now);
    case "rerun-judged":
      return losses.rerunJudged(world, fact, now, limits);
    case "rerun-asked":
      return losses.rerunAsked(world, fact, now, limits);
    case "rerun-made":
      return losses.rerunMade(world, fact, now);
    case "rerun-failed":
      return losses.rerunFailed(world, fact, now, limits);
    case "end-asked":
      return changed(world, fact.machine, (machine) => end(machine, fact.why, now), {
        boot: fact.failedBoot
          ? { ok: false, reason: fact.reason ?? "never-enrolled", detail: fact.why }
          : null,
        now,
        limits,
      });
  }
}

function settingsChanged(world: World, fact: Extract<Fact, { is: "settings-changed" }>): World {
  const pools = Object.keys(fact.config.pools);
  const kept = <T>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(record).filter(([pool]) => pools.includes(pool)));
  return {
    ...world,
    config: fact.config,
    configHash: fact.hash,
    offers: fact.offers,
    recipes: fact.recipes,
    machines: withRecipes(world.machines, fact.recipes),
    demand: kept(world.demand),
    access: kept(world.access),
    // New settings or credentials are the cure for these; everything else keeps its pause.
    circuits: closed(
      world.circuits,
      (key, circuit) =>
        circuit.reason !== "denied" && circuit.reason !== "bad-request" && !key.startsWith("recipe:"),
    ),
    boots: {},
  };
}

/** One that always exists stays what it is: other settings find it as it was made. */
export function withRecipes(machines: World["machines"], recipes: World["recipes"]): World["machines"] {
  const renewed = Object.values(machines).flatMap((machine) => {
    const recipe = recipes[machine.pool] ?? "";
    return machine.slot && machine.recipe !== recipe ? [[machine.id, { ...machine, recipe }] as const] : [];
  });
  return renewed.length === 0 ? machines : { ...machines, ...Object.fromEntries(renewed) };
}

function accessSeen(world: World, { pool, refusals, warnings }: Extract<Fact, { is: "access-seen" }>): World {
  const access = { refusals, warnings };
  if (!world.config.pools[pool] || same(world.access[pool] ?? null, access)) return world;
  return { ...world, access: { ...world.access, [pool]: access } };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

function viewed(world: World, key: ViewKey, atMs: Ms): World {
  return { ...world, views: { ...world.views, [key]: { is: "fresh", atMs } } };
}

function stale(world: World, key: ViewKey, why: string): World {
  const old = world.views[key];
  const view: View = old && old.is !== "never" ? { is: "stale", atMs: old.atMs, why } : { is: "never", why };
  return { ...world, views: { ...world.views, [key]: view } };
}

function draining(world: World, on: boolean, pools: readonly PoolName[] | null): World {
  if (on && pools !== null) return { ...world, drainingPools: [...pools] };
  if (world.draining === on && (on || world.drainingPools.length === 0)) return world;
  return { ...world, draining: on, drainingPools: on ? world.drainingPools : [] };
}
