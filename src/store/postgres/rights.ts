import pg from "pg";
import type { ConveyorError } from "../../core/errors.ts";
import { refuse } from "./storage-error.ts";

interface Rights {
  readonly role: string;
  readonly database: string;
  readonly has_schema: boolean;
  readonly may_make_schema: boolean;
  readonly may_use: boolean;
  readonly may_create: boolean;
  /** Of tables, sequences and functions in the schema. */
  readonly denied: string | null;
}

// CASE, since a condition beside another may be asked first, and these fail on what they are not for. Trigger functions are called by their triggers, whoever wrote the row.
const selectRights = `
  SELECT current_user AS role, current_database() AS database, n.oid IS NOT NULL AS has_schema,
    has_database_privilege(current_database(), 'CREATE') AS may_make_schema,
    coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS may_use,
    coalesce(has_schema_privilege(n.oid, 'CREATE'), false) AS may_create,
    coalesce(
      (SELECT min(c.relname) FROM pg_class c WHERE c.relnamespace = n.oid
        AND CASE c.relkind WHEN 'r' THEN NOT (has_table_privilege(c.oid, 'SELECT') AND (c.relname = 'migration'
          OR has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
          AND has_table_privilege(c.oid, 'DELETE'))) END),
      (SELECT min(c.relname) FROM pg_class c WHERE c.relnamespace = n.oid
        AND CASE c.relkind WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') END),
      (SELECT min(p.proname) FROM pg_proc p WHERE p.pronamespace = n.oid
        AND CASE p.prorettype WHEN 'trigger'::regtype THEN false ELSE NOT has_function_privilege(p.oid, 'EXECUTE') END)
    ) AS denied
  FROM (SELECT 1) AS one LEFT JOIN pg_namespace n ON n.nspname = $1`;

export interface RightsTarget {
  /** Not quoted. */
  readonly schema: string;
  readonly location: string;
}

/** Throws STORE_DENIED with the GRANT that is missing when this role cannot work in the schema. */
export async function checkRights(client: pg.ClientBase, target: RightsTarget): Promise<void> {
  const rights = await rightsIn(client, target.schema);
  if (!rights.may_use) throw denied(target, useSchema(rights, target.schema));
  if (rights.denied !== null) throw denied(target, useTables(rights, target.schema, rights.denied));
}

/** Throws STORE_DENIED with the GRANT that is missing when this role cannot make the schema, or bring it up to date. */
export async function checkMayInstall(client: pg.ClientBase, target: RightsTarget): Promise<void> {
  const rights = await rightsIn(client, target.schema);
  const role = pg.escapeIdentifier(rights.role);
  const schema = pg.escapeIdentifier(target.schema);
  if (!rights.has_schema && !rights.may_make_schema) {
    const database = pg.escapeIdentifier(rights.database);
    const text =
      `has no schema ${schema}, and the role ${role} may not make it: ` +
      `run CREATE SCHEMA ${schema} AUTHORIZATION ${role}, or GRANT CREATE ON DATABASE ${database} TO ${role}`;
    throw denied(target, text);
  }
  if (!rights.has_schema) return;
  if (!rights.may_use) throw denied(target, useSchema(rights, target.schema));
  if (!rights.may_create) {
    const text =
      `has a schema ${schema} that must be brought up to date, and the role ${role} may not: ` +
      `start this version once as its owner, or GRANT CREATE ON SCHEMA ${schema} TO ${role}`;
    throw denied(target, text);
  }
}

/** Why a statement on the schema was denied. */
export async function deniedRight(
  client: pg.ClientBase,
  target: RightsTarget & { readonly cause: unknown },
): Promise<ConveyorError> {
  const rights = await rightsIn(client, target.schema);
  if (!rights.may_use) return denied(target, useSchema(rights, target.schema), target.cause);
  if (rights.denied !== null) return denied(target, useTables(rights, target.schema, rights.denied), target.cause);
  const schema = pg.escapeIdentifier(target.schema);
  const role = pg.escapeIdentifier(rights.role);
  const text = `has a schema ${schema} whose tables or functions belong to another role than ${role}: start this version once as their owner`;
  return denied(target, text, target.cause);
}

async function rightsIn(client: pg.ClientBase, schema: string): Promise<Rights> {
  const { rows } = await client.query<Rights>(selectRights, [schema]);
  const [rights] = rows;
  if (rights === undefined) throw new Error("the server answered nothing about rights");
  return rights;
}

function useSchema({ role }: Rights, schema: string): string {
  const name = pg.escapeIdentifier(schema);
  const to = pg.escapeIdentifier(role);
  return `has a schema ${name} that the role ${to} may not use: run GRANT USAGE ON SCHEMA ${name} TO ${to}, and the same for its tables`;
}

function useTables({ role }: Rights, schema: string, object: string): string {
  const name = pg.escapeIdentifier(schema);
  const to = pg.escapeIdentifier(role);
  return (
    `does not let the role ${to} use ${name}.${pg.escapeIdentifier(object)}: ` +
    `run GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${name} TO ${to}; ` +
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${name} TO ${to}; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${name} TO ${to}`
  );
}

function denied({ location }: RightsTarget, text: string, cause?: unknown): ConveyorError {
  return refuse("STORE_DENIED", location, text, cause);
}
