/**
 * The outlines of the two documents that this project began with: their headings, and the lists that somebody had to tick or
 * watch, word for word but for emoji and tick boxes. Left out: the runbook's table of contents, and the handoff report's inventory
 * of its files, patches and contacts. The documents themselves are not in the repository; runbookRows.ts and handoffRows.ts
 * have an answer to every line.
 */
export const runbookOutline = `
## Overview
## Prerequisites
### Phase A Completion
- Code supports both single/multi modes
- Fallback mechanism tested and working
- DLQ routing verified
- Metrics export working
- Local smoke tests passed
### Infrastructure Access
- Access to staging NATS cluster
- Access to staging Kubernetes cluster
- Access to staging database
- Access to monitoring dashboards (Grafana/Prometheus)
### Tools Required
- kubectl configured for staging cluster
- Node.js v18+ (for ops scripts)
- nats CLI (optional, for stream verification)
- PostgreSQL client (for database verification)
## Pre-Deployment
### Step 1: Backup Current State (T-30min)
### Step 2: Create Streams (T-20min)
### Step 3: Create Consumers (T-10min)
## Deployment Steps
### Step 1: Update Kubernetes ConfigMaps (T-0)
### Step 2: Rolling Restart Services
## Post-Deployment Verification
### Immediate Checks (T+5min)
- 1. Service Logs - Stream Mode Detection
- 2. Service Logs - Consumer Binding
- 3. Service Logs - DLQ Configuration
- 4. Health Endpoints
### Functional Testing (T+10min)
- E2E Test: HRV Ingestion Flow
### Metrics Verification (T+15min)
- 1. Prometheus Metrics
- 2. Stream Message Counts
- 3. DLQ Monitoring
### Extended Monitoring (T+30min to T+2hr)
- Dashboard Checks
- Database Integrity
## Monitoring
### Key Metrics to Watch
- Green: normalize_hrv_messages_total incrementing
- Green: event_bus_events_published_total incrementing
- Green: Database hrv_data table receiving new rows
- Green: Service logs show no errors
- Green: Service health endpoints return 200 OK
- Yellow: Logs show fallback
- Yellow: Metrics show mixed streams
- Red: Service crash loops
- Red: Failed to find HRV consumer on any available stream
- Red: Database writes stop
- Red: DLQ message spike
- Red: 5xx errors on /ingest/hrv endpoint
### Prometheus Alert Rules
## Rollback Procedure
- Trigger Conditions
### Rollback Steps (< 5 minutes)
- Step 1: Revert Configuration
- Step 2: Restart Services
- Step 3: Verify Rollback
- Step 4: Health Check
- Step 5: Post-Rollback Actions
## Troubleshooting
### Issue: Consumer not found on AA_CORE_HOT
### Issue: DLQ Message Spike
### Issue: Services Crash Loop
## Success Criteria
### Staging Deployment Success
- Multi-mode runs for 48 hours without fallback to ATHLETE_ALLY_EVENTS
- Zero DLQ message spikes related to stream migration
- Metrics show 100% of messages on AA_CORE_HOT (stream label)
- E2E tests pass consistently (10 consecutive runs over 24 hours)
- Database data integrity verified (no missing HRV records)
- No service restarts or crashes during 48-hour soak period
### Production Readiness Criteria
- All staging success criteria met
- Rollback procedure tested and documented
- On-call engineer briefed on rollback process
- Monitoring dashboards updated with stream labels
- Incident response runbook finalized
- Stakeholder sign-off obtained
## Appendix
### Useful Commands
- Stream Management
- Consumer Management
- Service Logs
- Service Metrics
- Database Queries
### Contact Information
`;

export const handoffOutline = `
## Executive Summary
## What Was Accomplished
### Phase 1: Telemetry Foundation
### Phase 2: TypeScript Type Errors
### Phase 3: NATS Environment Unification
### Phase 4: Durable Pull Consumer Implementation
### Phase 5: End-to-End HRV Flow Verification
### Phase 6: Observability Validation
### Phase 7: Integration Test Suite
### Phase 8: CI Verification & Cleanup
## Repository Status
## CI Status
## Test Coverage Summary
### Automated Unit Tests (17 tests)
- Error Classification (7 tests)
- Retry Decision Logic (5 tests)
- JetStream Metadata (2 tests)
- Configuration (2 tests)
### Manual Integration Tests (5 scenarios)
- 1. Happy Path
- 2. Schema Validation Failure
- 3. Retryable Error
- 4. Max Retries Exceeded
- 5. Database Constraint Violation
## Technical Specifications
### NATS JetStream Configuration
### Consumer Loop Pattern
### Observability
## Critical Fixes Applied
### 1. Pull Consumer Not Requesting Messages (Phase 5)
### 2. Iterator Concurrency ("already yielding") (Phase 5 v2)
### 3. Database Port Mismatch (Post-Phase 6)
### 4. Prisma Date Type Mismatch (Phase 5)
## Known Issues & Limitations
### Optional Enhancements (Future Work)
- 1. OTel Trace Export
- 2. OTel HTTP Auto-Instrumentation
- 3. Metrics Registry Consolidation
- 4. GitHub Actions CI
## Next Steps for Human Developer
## Environment Configuration
### Required Environment Variables
### Docker Compose (Production)
## Documentation
## Verification Checklist
## Support & Troubleshooting
### NATS Diagnostic Scripts
### Common Issues
- Consumer not processing messages
- Database connection errors
- Metrics not appearing
`;

/** The titles of an outline, in order: `###` and `-` taken away. */
export const titlesOf = (outline: string): string[] =>
  outline
    .split('\n')
    .map((line) => line.replace(/^(#+|-) /, '').trim())
    .filter((line) => line !== '');
