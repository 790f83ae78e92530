from __future__ import annotations
import time
from hypothesis import Phase, seed
from tests.unit.tables.model.test_model import Guards, TableMachine, run_model
def test_find():
    for guard in ["version","cursor","window","held"]:
        if guard not in {f for f in Guards.__dataclass_fields__}: continue
        good=[]
        for n in range(0,12):
            b=time.time()
            broken=seed(n)(type("Broken",(TableMachine,),{"guards":Guards(**{guard:False})}))
            try:
                run_model(broken,100,phases=[Phase.generate],database=None,print_blob=False,report_multiple_bugs=False)
            except AssertionError as e:
                good.append((n,round(time.time()-b,1))); open("/tmp/seeds.out","a").write(f"{guard} {n} {time.time()-b:.1f}\n")
        print(guard,good,flush=True)
