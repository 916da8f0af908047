"""Which conditions narrow a query: `ineffective-scope` and `query-not-scoped` rest on it.

Every query here looks as if it asked for the tasks of one user. What it asks for is read off its SQL.
"""

import pytest
from sqlalchemy.dialects import sqlite
from sqlmodel import Field, Session, SQLModel, col, create_engine, delete, or_, select, text, update

ADA = "ada"


class User(SQLModel, table=True):
    id: str = Field(primary_key=True)


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    title: str = "a task"
    public: bool = False


class TaskIn(SQLModel):
    title: str
    user_id: str | None = None


def condition(statement):
    """What stands behind WHERE, with its values; `None` when there is no such thing."""
    sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    _, found, narrowed = " ".join(sql.split()).partition(" WHERE ")
    return narrowed if found else None


OWN = "task.user_id = 'ada'"
CONDITIONS = {
    "where": (lambda: select(Task).where(Task.user_id == ADA), OWN),
    "filter": (lambda: select(Task).filter(Task.user_id == ADA), OWN),
    "filter_by": (lambda: select(Task).filter_by(user_id=ADA), OWN),
    "in_": (lambda: select(Task).where(col(Task.user_id).in_([ADA])), "task.user_id IN ('ada')"),
    "two arguments": (lambda: select(Task).where(Task.id == 1, Task.user_id == ADA), f"task.id = 1 AND {OWN}"),
    "chained": (lambda: select(Task).where(Task.id == 1).where(Task.user_id == ADA), f"task.id = 1 AND {OWN}"),
    "late": (
        lambda: select(Task).order_by(Task.id).limit(5).where(Task.user_id == ADA),
        f"{OWN} ORDER BY task.id LIMIT 5 OFFSET 0",
    ),
    "&": (lambda: select(Task).where((Task.id == 1) & (Task.user_id == ADA)), f"task.id = 1 AND {OWN}"),
    "update": (lambda: update(Task).where(Task.user_id == ADA), OWN),
    "or_ with sharing": (
        lambda: select(Task).where(or_(Task.user_id == ADA, Task.public)),
        f"{OWN} OR task.public = 1",
    ),
    # From here on nothing of what is asked for depends on the user.
    "and": (lambda: select(Task).where(Task.id == 1 and Task.user_id == ADA), "task.id = 1"),
    "or": (lambda: select(Task).where(Task.id == 1 or Task.user_id == ADA), OWN),
    "values alike": (lambda: select(Task).where("ada" == ADA), "1 = 1"),
    "values unlike": (lambda: select(Task).where("bob" == ADA), "0 = 1"),
    "itself": (lambda: select(Task).where(Task.user_id == Task.user_id), "task.user_id = task.user_id"),
    "is": (lambda: select(Task).where(Task.user_id is ADA), "0 = 1"),
    "!=": (lambda: select(Task).where(Task.user_id != ADA), "task.user_id != 'ada'"),
    "bare column": (lambda: select(Task).where(Task.user_id), "task.user_id"),
    "select": (lambda: select(Task), None),
    "delete": (lambda: delete(Task), None),
    "update all": (lambda: update(Task), None),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_what_a_condition_becomes(name):
    build, expected = CONDITIONS[name]
    found = condition(build())
    assert found == expected


def test_a_statement_that_is_thrown_away_changes_nothing():
    statement = select(Task)
    statement.where(Task.user_id == ADA)
    assert condition(statement) is None


def test_an_and_without_parentheses_is_loud():
    with pytest.raises(TypeError):
        select(Task).where(Task.id == 1 & Task.user_id == ADA)


@pytest.fixture
def session():
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([User(id="ada"), User(id="bob"), Task(id=1, user_id="ada"), Task(id=2, user_id="bob")])
        session.commit()
        yield session


def owners(rows):
    return sorted(row.user_id for row in rows)


def test_what_comes_back(session):
    everybody = ["ada", "bob"]
    assert owners(session.exec(select(Task).where(Task.user_id == ADA))) == ["ada"]
    assert owners(session.exec(select(Task).where("ada" == ADA))) == everybody
    assert owners(session.exec(select(Task).where(Task.user_id == Task.user_id))) == everybody
    assert owners(session.exec(select(Task).where(Task.id == 2 and Task.user_id == ADA))) == ["bob"]
    assert owners(session.exec(text("select * from task where id = 2"))) == ["bob"]
    assert session.get(Task, 2).user_id == "bob"


BODY = TaskIn(title="mine", user_id="bob")
COPIES = {
    "**model_dump()": (lambda: Task(**BODY.model_dump()), "bob"),
    "model_validate": (lambda: Task.model_validate(BODY), "bob"),
    "sqlmodel_update": (lambda: Task(user_id=ADA).sqlmodel_update(BODY.model_dump(exclude_unset=True)), "bob"),
    "update=": (lambda: Task.model_validate(BODY, update={"user_id": ADA}), "ada"),
    "{**…}": (lambda: Task(**{**BODY.model_dump(), "user_id": ADA}), "ada"),
    "exclude": (lambda: Task(**BODY.model_dump(exclude={"user_id"}), user_id=ADA), "ada"),
}


@pytest.mark.parametrize("name", COPIES)
def test_whose_row_a_body_makes(name):
    make, owner = COPIES[name]
    assert make().user_id == owner


def test_an_owner_given_twice_is_loud():
    with pytest.raises(TypeError):
        Task(**BODY.model_dump(), user_id=ADA)
