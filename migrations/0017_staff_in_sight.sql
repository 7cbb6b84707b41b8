-- Which staff a coordinator or a person may see, asked by one function instead of three policies. The same conditions as
-- before (0002, 0013). Each of them leads over row-level security to further tables, and every policy that asks for staff
-- took all of them in: PostgreSQL planned a board page's list of whom to call out of two thousand subqueries, which took
-- ten times as long as reading it. A function is planned by itself, and only for staff whom no other policy shows.

CREATE FUNCTION staff_in_sight(member uuid) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    -- As whoever asks: the policies of these tables hold here too. Tables by their full names: nobody puts others before.
    RETURN EXISTS (SELECT FROM public.case_file c WHERE c.claimed_by = member)
        OR EXISTS (SELECT FROM public.site_leader l WHERE l.staff_id = member)
        OR EXISTS (SELECT FROM public.dorm_visit v WHERE v.staff_id = member);
END
$$;
CREATE FUNCTION people_of_org_in_sight(org uuid) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.membership m WHERE m.org_id = org AND m.ended_at IS NULL);
END
$$;

DROP POLICY helper ON staff;
DROP POLICY visitor ON staff;
DROP POLICY to_call ON staff;
-- Who follows up on a person, comes to a dorm or can be called about it; for coordinators also the person's organisation.
CREATE POLICY seen ON staff FOR SELECT TO daijobu_person USING (staff_in_sight(id));
CREATE POLICY seen_or_to_call ON staff FOR SELECT TO daijobu_follow USING (people_of_org_in_sight(org_id) OR staff_in_sight(id));
