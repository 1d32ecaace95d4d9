import pg from "pg";

/** What is to be done before and after the functions of a schema are written anew. */
export interface OldFunctions {
  /** Statements that remove them: one that changed its parameters or its result cannot be replaced. */
  readonly drops: readonly string[];
  /** Statements that give back what was granted on them, by name. */
  readonly grants: readonly string[];
}

// What applications call never changes its shape (it is replaced, but what PUBLIC may is taken back with the rest), and trigger
// functions have none.
const kept = ["enqueue", "enqueue_batch"];

const selectFunctions = `
  SELECT p.oid::regprocedure::text AS signature, p.proname AS name, p.proname = ANY($2) AS kept, ARRAY(
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END
    FROM aclexplode(p.proacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE a.grantee <> p.proowner AND a.privilege_type = 'EXECUTE') AS grantees
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = $1 AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype
  ORDER BY p.oid`;

/** `schema` is not quoted. */
export async function oldFunctions(client: pg.ClientBase, schema: string): Promise<OldFunctions> {
  const { rows } = await client.query<{
    readonly signature: string;
    readonly name: string;
    readonly kept: boolean;
    readonly grantees: readonly string[];
  }>(selectFunctions, [schema, kept]);
  const to = new Map(rows.map(({ name, grantees }) => [name, grantees]));
  return {
    drops: rows.filter((row) => !row.kept).map(({ signature }) => `DROP FUNCTION ${signature};`),
    // A name that is gone takes its grants along.
    grants: [...to].flatMap(([name, grantees]) => grantees.map((grantee) => grant({ schema, name, grantee }))),
  };
}

function grant(of: { readonly schema: string; readonly name: string; readonly grantee: string }): string {
  const name = pg.escapeLiteral(`${pg.escapeIdentifier(of.schema)}.${pg.escapeIdentifier(of.name)}`);
  const text = pg.escapeLiteral(`GRANT EXECUTE ON FUNCTION %s TO ${of.grantee}`);
  return `DO $grant$ BEGIN IF to_regproc(${name}) IS NOT NULL THEN EXECUTE format(${text}, ${name}); END IF; END $grant$;`;
}
