import * as k8s from '@pulumi/kubernetes';
import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi';
import type { Bus } from '../bus.ts';
import { commonLabels } from '../specs/labels.ts';
import { OPERATOR, operatorRules, operatorSubjects } from '../specs/operatorRole.ts';

/** Who runs migrations: a ServiceAccount and a Role with the rights that `aa-ops` uses, bound to the stack's operators. */
export class Operator extends ComponentResource {
  constructor(bus: Bus, options: ComponentResourceOptions) {
    super('aa-ops:index:Operator', OPERATOR, {}, options);
    const metadata = {
      name: OPERATOR,
      namespace: bus.namespace,
      labels: { ...commonLabels(bus, 'operator'), 'app.kubernetes.io/name': OPERATOR },
    };
    const child = { parent: this };
    new k8s.core.v1.ServiceAccount(OPERATOR, { metadata, automountServiceAccountToken: false }, child);
    const role = new k8s.rbac.v1.Role(OPERATOR, { metadata, rules: operatorRules(bus) }, child);
    new k8s.rbac.v1.RoleBinding(
      OPERATOR,
      {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: OPERATOR },
        subjects: operatorSubjects(bus),
      },
      { parent: this, dependsOn: role },
    );
    this.registerOutputs({});
  }
}
