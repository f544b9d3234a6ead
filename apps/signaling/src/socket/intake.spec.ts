import { Intake, type IntakeHolder } from './intake.ts';

function holder(address: string, cut: string[], name: string): IntakeHolder {
  return { address, cutOff: () => void cut.push(name) };
}

test('over the bound the address that holds most gives way, its largest connection first', () => {
  const intake = new Intake(1000);
  const cut: string[] = [];
  const crowd = [100, 150, 200, 120].map((bytes, index) => {
    const one = holder('192.0.2.1', cut, `crowd ${index}`);
    intake.note(one, bytes);
    return one;
  });
  const single = holder('192.0.2.2', cut, 'single');
  intake.note(single, 400);
  expect(cut).toEqual([]);
  intake.note(single, 440);
  // Its largest is less than what the single one holds, all of them together are more.
  expect(cut).toEqual(['crowd 2']);
  expect(intake.total).toBe(810);
  for (const one of [...crowd, single]) intake.forget(one);
  expect(intake.total).toBe(0);
});
