/** On everything that this program makes; `app` is the topology's own selector and stays with the pods. */
export const commonLabels = (component: string): Record<string, string> => ({
  'app.kubernetes.io/part-of': 'athlete-ally-event-bus',
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/managed-by': 'pulumi',
});
