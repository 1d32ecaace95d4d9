/**
 * THE layout of a namespace, version 1. Each shard has its keys below the prefix `{<namespace>:<shard>}:`, so that all of them
 * lie in one slot; a chain lives whole on the shard of its root (`shards.ts`). What the namespace has as one (layout version,
 * number of shards, identity) is in the hash `{<namespace>}:meta`.
 *
 * Numbers: each job of a shard has a number, rising from 1 in insertion order, and so have sessions and lanes (a lane is a queue
 * and a type). In keys, fields and members numbers are plain decimal unless told. Times are ms since the epoch. `packed` is
 * MessagePack (`msgpack.ts`; Lua's cmsgpack), where `false` stands for "none". Words are the codes of `src/store/codes.ts`.
 *
 * Jobs
 *   job        hash   number -> record (`record.ts`): what claim and settle touch. Gone behind the back: the job is gone.
 *   spec       hash   number -> what never changes, two packed values one after the other:
 *                     [payload bytes, schema id, principal, request id or "", key], then [metadata (JSON or "")] of a root,
 *                     [metadata, root id, parent id] of a node. The type is the lane's.
 *   id         hash   job id -> number
 *   request    hash   request id -> number
 *   result     hash   number -> its handler's own result, packed [type, bytes]
 *   attempt    hash   "<number>.<attempt>" -> packed [outcome, session number, claimed at, ended at, epoch] and, with an error,
 *                     [.., name, message, stack]. A success has none: the record says all of it (ended at = ran at).
 *   barrier    hash   number -> what a job knows of the nodes directly below it, packed [pending children, pending heirs,
 *                     children not ok, heirs not ok, judged 0|1, cascade kind 0|1|2, children seen to by it,
 *                     [numbers of its heirs, in order], it has `key` 0|1, dead children, those of them that are not ok, children
 *                     cancelled otherwise than by request, those of them that are not ok, scope of a revival 0|1|2|3, index of
 *                     the child and number of the node from which it goes on, accepted staged children that are not yet in the
 *                     chain, those of the first piece that are]. Only jobs that have nodes below (`below` of the record).
 *   child:<n>  list   numbers of the children of job n, in order. Position among all nodes of a parent: by number, heirs and children merged.
 *   chain:<n>  list   numbers of all nodes below root n, in insertion order. None: a plain job.
 *   key:<n>    set    keys of the static nodes directly below job n
 *   progress   hash   number -> packed [attempt, reported at, bytes]
 *
 * Staged children
 *   staged     hash   number of a running job -> packed [seq of the last frame, children, it has `stagedkey` 0|1] under its lease
 *   stagedkey:<n> set keys of those
 *   frame:<n>  list   pieces of up to some hundred of those, packed [lane names, nodes as `lua/new-job.lua` takes them]; after
 *                     the success of job n what is not yet in the chain
 *   waiting    hash   number of a root -> accepted nodes of its chain that are not yet in it
 *
 * What is to be done (members are job numbers)
 *   ready:<l>  zset   READY jobs of lane l: score -priority, member run time and number, 15 digits each
 *   due        zset   SCHEDULED and RETRYING jobs: score run time, member "<number in 15 digits>.<state>.<lane>"
 *   live:<s>   zset   RUNNING jobs of session number s: score claimed at, member lane and number in 51 and 15 digits
 *   stop:<s>   hash   number -> reason of the cancel that was requested, of RUNNING jobs of session number s
 *   propagate  zset   terminal jobs whose end is not yet counted at their parent: score number
 *   cascade    zset   jobs with a due cascade or revival and no `expand`: score number
 *   expand     zset   jobs with accepted staged children that are not yet in the chain: score number
 *   ending     zset   open jobs that were asked to stop, or whose run was cancelled or skipped: score number
 *   pruning    zset   roots whose chains are being removed: score number
 *   over:<c>:<q> zset ended roots of queue q in state c: score finished at, member number in 15 digits
 *   state:<c>  zset   jobs in state c, kept for AWAITING_CHILDREN, DEAD and CANCELLED: score number. Scan `job` for others.
 *
 * Sessions
 *   session    hash   session id -> packed [session number, epoch, expires at, principal] and, where a claim was sent again,
 *                     [.., nonces of such]; only sessions that have not ended
 *   expiry     zset   the same session ids: score expires at
 *   buffered   hash   session id -> the leases last named as buffered, packed [job number, nonce, ..] (those of this shard); none: no field
 *   worker     hash   session number -> packed [session id, principal, worker, instance id, opened at]; ended ones stay as long
 *                     as a job's history names them
 *   ended      zset   numbers of ended sessions whose `worker` is still there: score ended at
 *   sweep      hash   next, last: numbers of jobs that the present round of sweep.lua goes through; since: when it began; kept
 *   used       set    session numbers that those name which it has gone through
 *
 * Queues and counters
 *   lane       hash   lane number -> "<queue> <type>"
 *   laneno     hash   "<queue> <type>" -> lane number
 *   lanes:<q>  set    numbers of the lanes of queue q
 *   queue      hash   queue -> packed [paused, max concurrency, max attempts, back-off, time-out ms, crash limit] and maybe [..,
 *                     retention ms when completed, cancelled, dead], each but the first may be false; back-off is packed [kind,
 *                     initial ms, max ms, multiplier, jitter]. Only queues that were set.
 *   count      hash   "<lane>.<state>" -> jobs of this lane in this state
 *   meta       hash   job, session, lane: the last number given; writes: rises with every script that wrote; low: no job
 *                     has a lower number (0 or none: not known); namespace: the
 *                     identity of the namespace that the shard is one of; now: the latest time, only where tests give the clock
 *
 * Removed roots
 *   gone       hash   id -> packed [request id or "", type, SHA-1 of the payload, remembered until]
 *   gonerequest hash  request id -> id
 *   forget     zset   id: score remembered until
 *
 * Only with several shards
 *   reserved   hash   request id -> packed [root id, SHA-256 of type and payload]: on the shard of the request id, written before
 *                     the job itself
 *   turn       hash   queue -> packed [token, expires at] of who may claim from it now; on the shard of the queue, with a concurrency limit only
 *   fence      hash   queue -> highest token that this shard has seen
 */
export const layoutVersion = 1;

/**
 * The prefix of the keys of one shard, hash tag included. Scripts name it as their key, and no such key exists: so a server that
 * gives away the slot refuses every script while keys of it may be on either side.
 */
export function shardPrefix(namespace: string, shard: number): string {
  return `{${namespace}:${shard}}:`;
}
