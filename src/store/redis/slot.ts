const slots = 16_384;
const polynomial = 0x1021;

/** The slot of a hash tag on a Redis Cluster. Source: the cluster specification, CRC16 (XMODEM) modulo 16,384. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ polynomial;
    crc &= 0xffff;
  }
  return crc % slots;
}
