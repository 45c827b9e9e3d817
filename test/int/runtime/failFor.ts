import type { Bus } from './bus.ts';

/** Makes PostgreSQL answer with an error of this class whenever a row of this user is written. */
export async function failFor({ db }: Pick<Bus, 'db'>, userId: string, sqlstate: string): Promise<void> {
  await db.query(`
    CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.user_id = '${userId}' THEN RAISE EXCEPTION 'made to fail' USING ERRCODE = '${sqlstate}'; END IF; RETURN NEW; END $$;
    DROP TRIGGER IF EXISTS fail ON hrv_data;
    CREATE TRIGGER fail BEFORE INSERT ON hrv_data FOR EACH ROW EXECUTE FUNCTION fail()`);
}
