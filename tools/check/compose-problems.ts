type Mapping = Readonly<Record<string, unknown>>;

/** What a service of ours may say; a word that is not here is a typing error, or wants a rule of its own. */
const serviceKeys = [
  ..."build command depends_on environment healthcheck image init ports profiles restart secrets stop_grace_period".split(
    " ",
  ),
  "volumes",
];
const healthKeys = ["test", "interval", "timeout", "start_period", "retries"];
/** Older compose versions refuse `name`, newer ones warn of `version`. */
const topKeys = ["services", "volumes", "secrets"];
const conditions = ["service_started", "service_healthy", "service_completed_successfully"];
const restarts = ["no", "always", "on-failure", "unless-stopped"];

/**
 * One sentence for everything in a parsed compose file that compose would refuse or that we do not want: what is referred to and
 * is not there, a dependency outside of a service's profile, a port beyond loopback, a password in the file.
 */
export function composeProblems(file: unknown): readonly string[] {
  if (!isMapping(file)) return ["the file is no mapping"];
  const services = mappingOf(file.services);
  const declared = { volumes: mappingOf(file.volumes), secrets: mappingOf(file.secrets) };
  const unknown = Object.keys(file).filter((key) => !topKeys.includes(key) && !key.startsWith("x-"));
  return [
    ...unknown.map((key) => `"${key}" at the top is not taken by every version of compose`),
    ...(Object.keys(services).length === 0 ? ["there is no service"] : []),
    ...Object.entries(services).flatMap(([name, service]) =>
      isMapping(service)
        ? serviceProblems(service, services, declared).map((problem) => `services.${name}: ${problem}`)
        : [`services.${name} is no mapping`],
    ),
    ...Object.entries(declared.secrets).flatMap(([name, secret]) =>
      secretProblems(secret).map((problem) => `secrets.${name}: ${problem}`),
    ),
    ...repeatedPorts(services).map((port) => `port ${port} of the host is published twice`),
    ...interpolationProblems(file),
  ];
}

function serviceProblems(
  service: Mapping,
  services: Mapping,
  declared: { readonly volumes: Mapping; readonly secrets: Mapping },
): readonly string[] {
  const { restart = "no", image, build } = service;
  return [
    ...unknownKeys(service, serviceKeys),
    ...(image === undefined && build === undefined ? ["it has neither an image nor a build"] : []),
    ...(restarts.includes(String(restart)) ? [] : [`restart: ${String(restart)} is none of ${restarts.join(", ")}`]),
    ...healthProblems(service),
    ...listOf(service.ports).flatMap(portProblems),
    ...dependencyProblems(service, services),
    ...listOf(service.volumes)
      .map((volume) => String(volume).split(":")[0] ?? "")
      .filter((volume) => /^[a-z]/i.test(volume) && !(volume in declared.volumes))
      .map((volume) => `volume ${volume} is not declared`),
    ...listOf(service.secrets)
      .filter((secret) => !(String(secret) in declared.secrets))
      .map((secret) => `secret ${String(secret)} is not declared`),
    ...environmentProblems(mappingOf(service.environment), listOf(service.secrets)),
  ];
}

function healthProblems(service: Mapping): readonly string[] {
  const { healthcheck, build } = service;
  // What is built here has its check in the Dockerfile.
  if (healthcheck === undefined) return build === undefined ? ["it has no healthcheck"] : [];
  const health = mappingOf(healthcheck);
  const test = listOf(health.test);
  const [kind] = test;
  return [
    ...unknownKeys(health, healthKeys).map((problem) => `healthcheck: ${problem}`),
    ...(kind === "CMD" || (kind === "CMD-SHELL" && test.length === 2)
      ? []
      : ['healthcheck: test is ["CMD", …] or ["CMD-SHELL", "…"]']),
    ...["interval", "timeout", "start_period"]
      .filter((key) => health[key] !== undefined && !/^(\d+(ms|s|m|h))+$/.test(String(health[key])))
      .map((key) => `healthcheck: ${key} is no span`),
    ...(health.retries === undefined || Number.isInteger(health.retries) ? [] : ["healthcheck: retries is no number"]),
  ];
}

function portProblems(port: unknown): readonly string[] {
  return /^127\.0\.0\.1:\d{2,5}:\d{2,5}$/.test(String(port))
    ? []
    : [`port ${String(port)} is not 127.0.0.1:HOST:CONTAINER`];
}

function dependencyProblems(service: Mapping, services: Mapping): readonly string[] {
  return Object.entries(mappingOf(service.depends_on)).flatMap(([name, how]) => {
    const needed = services[name];
    if (!isMapping(needed)) return [`it depends on ${name}, and there is none`];
    const condition = String(mappingOf(how).condition);
    const profiles = listOf(service.profiles).map(String);
    const theirs = listOf(needed.profiles).map(String);
    const absent =
      theirs.length > 0 && (profiles.length === 0 || profiles.some((profile) => !theirs.includes(profile)));
    return [
      ...(conditions.includes(condition) ? [] : [`it depends on ${name} by a condition that is none: ${condition}`]),
      ...(absent ? [`it depends on ${name}, which not all of its profiles start`] : []),
      ...(condition === "service_healthy" && needed.healthcheck === undefined && needed.build === undefined
        ? [`it waits until ${name} is healthy, and ${name} has no healthcheck`]
        : []),
    ];
  });
}

function environmentProblems(environment: Mapping, secrets: readonly unknown[]): readonly string[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    const text = String(value);
    const [, mounted] = /^\/run\/secrets\/(.+)$/.exec(text) ?? [];
    return [
      ...(typeof value === "string" ? [] : [`environment: ${name} is no text; put it into quotes`]),
      ...(/(PASSWORD|TOKEN|SECRET|KEY)$/.test(name) ? [`environment: ${name} holds a secret; name a file of it`] : []),
      ...(/:\/\/[^/@\s]*:[^/@\s]*@/.test(text) ? [`environment: ${name} holds a password`] : []),
      ...(mounted !== undefined && !secrets.includes(mounted)
        ? [`environment: ${name} names a secret that it has not`]
        : []),
    ];
  });
}

function secretProblems(secret: unknown): readonly string[] {
  const { file, environment } = mappingOf(secret);
  return (typeof file === "string") === (typeof environment === "string")
    ? ["it comes from one file, or one variable"]
    : [];
}

function repeatedPorts(services: Mapping): readonly string[] {
  const ports = Object.values(services).flatMap((service) =>
    listOf(mappingOf(service).ports).map((port) => String(port).split(":").at(-2) ?? ""),
  );
  return ports.filter((port, index) => ports.indexOf(port) !== index);
}

/** A `$` begins a variable with a default, or is written twice: without a default the file needs an environment for every profile. */
function interpolationProblems(value: unknown): readonly string[] {
  if (typeof value === "string") {
    const rest = value.replaceAll(/\$\$|\$\{[A-Z_][A-Z0-9_]*:-[^}]*\}/g, "");
    return rest.includes("$")
      ? [`a $ begins no \${NAME:-default} and is not written twice: ${JSON.stringify(value)}`]
      : [];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(interpolationProblems);
}

function unknownKeys(mapping: Mapping, known: readonly string[]): readonly string[] {
  return Object.keys(mapping)
    .filter((key) => !known.includes(key))
    .map((key) => `"${key}" is not known`);
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mappingOf(value: unknown): Mapping {
  return isMapping(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
