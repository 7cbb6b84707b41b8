-- Who may touch which rows: database roles, row-level security, and the new kinds of organisation and staff.

ALTER TABLE organisation DROP CONSTRAINT organisation_kind_check, ADD CONSTRAINT organisation_kind_check CHECK (
    kind IN ('employer', 'supervising', 'community', 'volunteer_network', 'partner', 'school', 'auditor', 'umbrella', 'operator'));
ALTER TABLE staff DROP CONSTRAINT staff_role_check, ADD CONSTRAINT staff_role_check CHECK (
    role IN ('operator', 'employer', 'supervising', 'community', 'coordinator', 'volunteer', 'partner', 'auditor', 'umbrella'));
ALTER TABLE staff_link DROP CONSTRAINT staff_link_role_check, ADD CONSTRAINT staff_link_role_check CHECK (
    role IN ('operator', 'employer', 'supervising', 'community', 'coordinator', 'volunteer', 'partner', 'auditor', 'umbrella'));
ALTER TABLE org_relation DROP CONSTRAINT org_relation_kind_check, ADD CONSTRAINT org_relation_kind_check CHECK (
    kind IN ('supervises', 'member', 'umbrella'));
