/** Real servers for tests, on free ports, their data on tmpfs where there is one. Stop them in `afterAll`; they end with the process at the latest. */
export * from '../../cli/src/servers/index.ts';
export { type NatsCluster, startNatsCluster } from './natsCluster.ts';
