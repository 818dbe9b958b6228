/** The queue's messages, checked at the border and told in the manager's words (github.md 1.7). */
import * as z from "zod";
import type { JobNews } from "../facts.ts";
import type { Statistics } from "../world.ts";
import { visible } from "../web/visible.ts";
import { parsed } from "./http.ts";
import { statistics, time } from "./schemas.ts";

export interface Message {
  id: number;
  /** Null: the message carried none. */
  statistics: Statistics | null;
  news: readonly JobNews[];
  /** Requests that wait to be acquired; only GitHub Enterprise Server sends them. */
  offers: readonly number[];
  /** Why nothing in it can be read; null when it can. */
  problem: string | null;
}

const outer = z.object({
  messageId: z.int().min(0),
  messageType: z.string(),
  body: z.string().nullable().default(null),
  statistics: statistics.nullable().catch(null).default(null),
});

const text = (max: number) => z.string().transform((value) => visible(value, max));
const named = (max: number) => text(max).catch("").default("");

const kinds = {
  JobAvailable: "queued",
  JobAssigned: "assigned",
  JobStarted: "started",
  JobCompleted: "completed",
} as const;

const entry = z.object({
  messageType: z.enum(["JobAvailable", "JobAssigned", "JobStarted", "JobCompleted"]),
  runnerRequestId: z.int().catch(0).default(0),
  /** A UUID; a number on older servers. */
  jobId: z
    .union([text(128), z.int().transform(String)])
    .nullable()
    .catch(null)
    .default(null),
  jobDisplayName: named(300),
  ownerName: named(100),
  repositoryName: named(200),
  jobWorkflowRef: named(400),
  workflowRunId: z.int().catch(0).default(0),
  queueTime: time,
  scaleSetAssignTime: time,
  runnerName: named(128),
  result: named(40),
});
const ofKnownType = z.object({ messageType: entry.shape.messageType });

/** Null when not even the message's id can be found. */
export function readMessage(raw: string): Message | null {
  const envelope = outer.safeParse(parsed(raw));
  if (!envelope.success) {
    const id = /"messageId"\s*:\s*(\d{1,15})\b/.exec(raw)?.[1];
    return id === undefined ? null : poison(Number(id), null, "its envelope is not what GitHub documents");
  }
  const { messageId, messageType, body, statistics: figures } = envelope.data;
  if (messageType !== "RunnerScaleSetJobMessages")
    return poison(messageId, figures, `its type ${visible(messageType, 60)} is unknown`);
  const entries = z.array(z.unknown()).safeParse(body === null || body === "" ? [] : parsed(body));
  if (!entries.success) return poison(messageId, figures, "its body is not a JSON list");
  const known = entries.data.filter((item) => ofKnownType.safeParse(item).success);
  const read = known.flatMap((item) => entry.safeParse(item).data ?? []);
  return {
    id: messageId,
    statistics: figures,
    news: read.flatMap(newsOf),
    offers: read.flatMap((item) =>
      item.messageType === "JobAvailable" && item.runnerRequestId > 0 ? [item.runnerRequestId] : [],
    ),
    problem: null,
  };
}

const poison = (id: number, figures: Statistics | null, problem: string): Message => ({
  id,
  statistics: figures,
  news: [],
  offers: [],
  problem,
});

function newsOf(item: z.infer<typeof entry>): JobNews[] {
  const id = item.jobId ?? (item.runnerRequestId > 0 ? `request-${item.runnerRequestId}` : "");
  if (id === "") return [];
  return [
    {
      is: kinds[item.messageType],
      id,
      name: item.jobDisplayName,
      repository: [item.ownerName, item.repositoryName].filter((part) => part !== "").join("/"),
      workflowRun: item.workflowRunId,
      workflowRef: item.jobWorkflowRef,
      queuedMs: item.queueTime,
      assignedMs: item.scaleSetAssignTime,
      runner: item.runnerName === "" ? null : item.runnerName,
      result: item.result === "" ? null : item.result,
    },
  ];
}
